a = <<EOT
$${x} %%{y} \n "quoted" $x %y
EOT
