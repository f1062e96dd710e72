/*
 one
*/
a = 1
