#include <zolt/zolt.hpp>

int other();

int other() { return 0; }
