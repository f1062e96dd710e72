a = {
x = {
y = <<-EOT
one
EOT
zz = 1
}
}
