a   = <<EOT
größe 日本 👩‍👩‍👧
EOT
bbb = 1
