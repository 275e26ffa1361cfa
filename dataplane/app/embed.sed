# Makes a C string of a text file.
s/\\/\\\\/g
s/"/\\"/g
s/.*/"&\\n"/
1i #include "app/application_rules.h"\nconst char application_rules_shipped[] =
$a ;
