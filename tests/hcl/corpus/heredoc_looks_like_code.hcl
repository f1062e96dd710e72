a = <<EOT
b=1
# c
resource "x" "y" {
EOT
c=1
