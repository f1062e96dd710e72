a = <<EOT
%{for x in y~}
  ${x}
%{endfor~}
%{if x}a%{else}b%{endif}
EOT
