a = <<EOT
x ${ jsonencode({a=1,b=[1,2]}) } z
EOT
