a = [<<EOT
one
EOT
,2]
