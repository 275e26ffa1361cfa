# Makes a C string of a text file.
s/\\/\\\\/g
s/"/\\"/g
s/.*/"&\\n"/
1i #include "config_tree.h"\nconst char spanflow_yang[] =
$a ;
