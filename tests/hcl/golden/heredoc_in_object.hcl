a = {
  x    = <<EOT
one
EOT
  long = 1
  y    = <<-EOT
   two
 EOT
}
