variable "n" {
type=number
validation {
condition=var.n>0&&var.n<10
error_message="Between ${1} and 9."
}
nullable=false
}
