a = <<EOT
x ${
y
} z
EOT
b = 1
