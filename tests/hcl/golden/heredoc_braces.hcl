a = <<EOT
{
  "x": [1, 2
}
EOT
b = 1
