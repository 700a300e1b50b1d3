# SPDX-License-Identifier: MIT
# For compare: out, the directory of the figures, and places, a list.
set terminal svg size 460 * words(places), 1100 font "sans,11" background "white"
set output out . "/strategies.svg"
set multiplot layout 4, words(places)
set datafile separator "\t"
set datafile missing "-"
set style data histograms
set style fill solid
set boxwidth 0.9
set xtics rotate by -40 scale 0
set key top right
set grid ytics
set lmargin 9
set bmargin 6
array titles[4] = ["failed of 10,000", "rounds in a second", "p99 of a round, ms", "longest unrelated close(), ms"]
do for [figure = 1:4] {
  if (figure == 1) { unset logscale y } else { set logscale y }
  do for [place in places] {
    set title titles[figure] . " — " . place
    plot out . "/" . place . ".tsv" using (column(2 * figure + 2)):xticlabels(1) every ::1 title "alone", \
         "" using (column(2 * figure + 3)) every ::1 title "with a fork storm"
  }
}
unset multiplot
