#include <string>
#include <vector>

#include "services/hook_dispatcher/program/program.h"

int main(int argc, char** argv) {
  return gitops::RunHookDispatcher(std::vector<std::string>(argv + 1, argv + argc));
}
