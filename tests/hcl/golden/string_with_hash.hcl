a  = "# no comment"
bb = "// none" # one
