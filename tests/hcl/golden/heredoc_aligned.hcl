a    = <<EOT
one
EOT
long = <<EOT
two
EOT
b    = 1
