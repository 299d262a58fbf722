#include <string>
#include <vector>

#include "gateway/program/program.h"

int main(int argc, char** argv) {
  return gitops::RunGateway(std::vector<std::string>(argv + 1, argv + argc));
}
