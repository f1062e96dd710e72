/*
one
  two
 */
   /* indented
   more */
