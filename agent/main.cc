#include <string>
#include <vector>

#include "agent/program/program.h"

int main(int argc, char** argv) {
  return gitops::RunAgent(std::vector<std::string>(argv + 1, argv + argc));
}
