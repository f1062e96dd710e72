a = f(<<EOT
one
EOT
)
b=1
