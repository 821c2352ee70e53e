#include <zolt/zolt.hpp>

int other();

int main() { return other(); }
