a=[for in_ in y:in_]
b=[for if_ in y : if_]
