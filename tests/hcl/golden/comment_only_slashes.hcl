//one
// two
//three
