a { # first
x=1 # one
} # end
b {} # none
