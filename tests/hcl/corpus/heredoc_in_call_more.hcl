a = f(<<EOT
one
EOT
, 2)
b=1
