# Makes a C string of the first configuration of access control.
s/\\/\\\\/g
s/"/\\"/g
s/.*/"&\\n"/
1i #include "netconf/access.h"\nconst char access_initial_configuration[] =
$a ;
