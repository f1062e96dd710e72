a {
  x   = <<EOT
one
  two
EOT
  y   = <<-EOT
   one
     two
  EOT
  zzz = 1
}
