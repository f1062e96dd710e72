/*
one
  two
 */
/* indented
   more */
