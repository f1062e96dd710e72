locals {
  message = "This is a rather long sentence that goes on beyond a hundred columns because nothing breaks lines on its own"
  n       = 1
}
