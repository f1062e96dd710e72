a=<<EOT
one
  two
EOT
bb=1
