locals {
script=<<-EOS
  #!/bin/sh
  for x in $(seq 1 3); do
    echo "$${x}" # ${var.name}
  done
EOS
after=1
}
