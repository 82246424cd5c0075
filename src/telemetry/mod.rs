//! How the program is seen from outside: the closed list of metrics, and logs.
