a = <<-EOT
   %{~ if x }
   one
   %{~ endif }
   EOT
