a = [ # list
1,
]
b = { # object
x = 1
}
c = f( # call
1
)
