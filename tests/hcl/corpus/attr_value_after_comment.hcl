a = /* why */ 1
bb=/*x*/2
