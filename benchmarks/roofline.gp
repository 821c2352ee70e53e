# gnuplot -e "points='roofline.tsv'; chart='roofline.svg'" roofline.gp
# Every kernel by the bytes that it reads and writes per element and the speed it does so at, between the limits of the memory it works in.
set terminal svg noenhanced size 1000,1000 dynamic background '#ffffff' font 'sans-serif,11'
set output chart
set datafile separator "\t"
set logscale xy
set xlabel 'bytes per element'
set ylabel 'GB/s'
set key top left
set xrange [0.5:64]
set grid
limit(name, set_name) = real(system(sprintf("awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\" && $3 == 1 { if ($5 > best) best = $5 } END { print best + 0 }' %s", name, set_name, points)))
set multiplot layout 3,1
do for [set_name in "L2 L3 DRAM"] {
  floats = limit("float RMW", set_name)
  copy = limit("memcpy", set_name)
  set title set_name . ", one thread"
  is_kernel(n) = (strcol(2) eq set_name && strcol(3) eq "1" && strcol(1) ne "memcpy" && strstrt(strcol(1), "RMW") == 0) ? n : NaN
  plot floats with lines title 'read and write in place', copy with lines title 'memcpy', \
    points using 4:(is_kernel(column(5))) with points pointtype 7 notitle, \
    points using 4:(is_kernel(column(5))):1 with labels left offset 0.6,0 font ',8' notitle
}
unset multiplot
