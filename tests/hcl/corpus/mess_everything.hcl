   locals{a=1}
 resource    x   y{
a    =1# one
      bbb=[1,2
,3] // two
/* c */ d="${e}"
f {g=1}
      }
