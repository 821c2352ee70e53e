// Carries the precompiled GoogleTest header that the tests of all rooms share.
