a = <<end
x
end
b = <<_X-1
x
_X-1
