//one
// two
    //three
