a = (
x
- y
+ z
)
