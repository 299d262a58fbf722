#include <sys/stat.h>

#include <string>
#include <vector>

#include "agent/program/command_line.h"

int main(int argc, char** argv) {
  // What is created with its final mode must not depend on who starts this program.
  umask(022);
  return gitops::RunAgent(std::vector<std::string>(argv + 1, argv + argc));
}
