a {
  # nothing yet
}
b {
  /* nothing
   yet */
}
