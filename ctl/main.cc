#include "ctl/process_main.h"

int main(int argc, char** argv) { return gitops::ctl::ProcessMain(argc, argv); }
