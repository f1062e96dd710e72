a = x /* why */
b = x # why
c = x /* why */
