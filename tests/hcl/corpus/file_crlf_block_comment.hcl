/*
 one
*/
a=1
