# Makes a C string of a text file.
s/\\/\\\\/g
s/"/\\"/g
s/.*/"&\\n"/
1i #include "detect/brand_set.h"\nconst char brand_list_shipped[] =
$a ;
