variable "a" {
other {
type=list
}
}
