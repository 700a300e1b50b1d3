// SPDX-License-Identifier: MIT
// The program that is written and run in each round. Linked statically: its
// size, not its work, is what keeps the writing descriptor open for long.
int main(void) {
  return 0;
}
