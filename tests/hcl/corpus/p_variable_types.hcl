variable "a" { type=any }
variable "b" { type=map(list(string)) }
variable "c" {
type=object({
name=string
age=optional(number,3)
tags=optional(map(string),{})
})
}
variable "d" { type=tuple([string,number]) }
variable "e" { type=set(object({x=string})) }
