a = [1, /* two */ 2, 3 /* three */]
