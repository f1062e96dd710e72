a = <<EOT
x ${  y  } z
${y}
  ${y+1}
EOT
